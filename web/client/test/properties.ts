export async function properties(_seconds: number): Promise<object> { return {}; }
