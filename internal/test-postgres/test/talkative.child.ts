const { SAY, FAIL } = process.env;

if (FAIL !== undefined) throw new Error(FAIL);
process.on("message", (message: string) => process.send?.(`heard ${message}`));
for (const word of SAY?.split(",") ?? []) process.send?.(word);
