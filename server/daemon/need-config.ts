import { formatProblem, type Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';

/** The configuration to start a daemon with. @throws Error that names each problem on a line of its own. */
export function needConfig(file: string): Config {
  const config = loadConfig(file);
  if (config.ok) return config.value;
  throw new Error(config.error.map(formatProblem).join('\n'));
}
