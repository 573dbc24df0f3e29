export async function slices(): Promise<object> { return {}; }
