import { bundleRef, type Bundle } from './bundle.ts';
import { err, ok, type Result } from './result.ts';

/** One promotion: from then on the channel of that bundle name points at the version, until the next or until undone. */
export interface ChannelMove {
  /** Grows by one with each move of any channel. */
  readonly id: number;
  readonly name: string;
  readonly channel: string;
  readonly version: string;
  readonly atMs: number;
  readonly by: string;
  /** When it was rolled back; it counts no longer, but stays in the history. */
  readonly undoneMs: number | undefined;
}

/** A channel as it stands: where it points, and where a rollback would lead. */
export interface Channel {
  readonly name: string;
  readonly channel: string;
  readonly version: string;
  readonly previous: string | undefined;
  readonly sinceMs: number;
  readonly by: string;
}

const CHANNEL = /^[a-z0-9][a-z0-9-]{0,31}$/;

/** Reads a channel's name: `stable`, `candidate`. */
export function parseChannelName(text: string): Result<string> {
  if (CHANNEL.test(text)) return ok(text);
  return err(`"${text.slice(0, 80)}" is not a channel; use lower-case letters, digits and dashes, at most 32`);
}

/** How a channel is written: `name:channel`; versions are written with an `@`. */
export function channelRef(channel: Pick<Channel, 'name' | 'channel'>): string {
  return `${channel.name}:${channel.channel}`;
}

/** The channels that point somewhere, by name and channel, from all moves in their order. */
export function channelsOf(moves: readonly ChannelMove[]): readonly Channel[] {
  const standing = new Map<string, readonly ChannelMove[]>();
  for (const move of moves)
    if (move.undoneMs === undefined) standing.set(channelRef(move), [...(standing.get(channelRef(move)) ?? []), move]);
  return [...standing.values()].flatMap((all) => {
    const [now, before] = [all.at(-1), all.at(-2)];
    if (!now) return [];
    const { name, channel, version, atMs, by } = now;
    return [{ name, channel, version, previous: before?.version, sinceMs: atMs, by }];
  });
}

/** The bundle a machine's word leads to: `name@version` itself, `name:channel` where the channel points now. */
export function resolveBundle(
  ref: string | undefined,
  bundles: readonly Bundle[],
  channels: readonly Channel[],
): Bundle | undefined {
  const followed = channels.find((channel) => channelRef(channel) === ref);
  const exact = followed ? bundleRef(followed) : ref;
  return bundles.find((bundle) => bundleRef(bundle) === exact);
}
