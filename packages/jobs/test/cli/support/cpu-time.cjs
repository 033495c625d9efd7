// For --require: tells at the end how many microseconds of processor time the process took.
process.on("exit", () => {
  const { user, system } = process.cpuUsage();
  process.stderr.write(`\ncpu ${user + system}`);
});
