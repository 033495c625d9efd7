// Stops another process for a while, and resumes it also when the soak is killed meanwhile.
const [pid, forMs] = process.argv.slice(2).map(Number);

process.on("SIGINT", () => undefined);
process.on("disconnect", resume);
if (pid !== undefined && signal("SIGSTOP")) setTimeout(resume, forMs);
else process.exit();

function resume(): never {
  signal("SIGCONT");
  process.exit();
}

/** Whether the process is there: it may have been killed already, stopped or not. */
function signal(name: NodeJS.Signals): boolean {
  try {
    return pid !== undefined && process.kill(pid, name);
  } catch {
    return false;
  }
}
