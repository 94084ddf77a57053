/** The middle value; of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const [upper, lower] = [sorted[sorted.length >> 1] ?? NaN, sorted[(sorted.length - 1) >> 1] ?? NaN];
  return (upper + lower) / 2;
}
