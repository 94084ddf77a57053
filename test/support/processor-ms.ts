/** Milliseconds of processor that a call takes: what it costs, however busy the machine is with other things. */
export function processorMs(call: () => void): number {
  const before = process.cpuUsage();
  call();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
