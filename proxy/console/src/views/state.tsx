export function State() { return <div><h1>State</h1></div>; }
