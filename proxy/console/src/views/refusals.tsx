export function Refusals() { return <div><h1>Refusals</h1></div>; }
