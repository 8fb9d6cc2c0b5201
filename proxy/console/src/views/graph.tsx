export function Graph() { return <div><h1>Graph</h1></div>; }
