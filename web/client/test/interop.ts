export async function interop(_: object): Promise<object> { return {}; }
