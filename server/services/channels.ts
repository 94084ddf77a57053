import { bundleRef } from '../core/bundle.ts';
import { channelRef, channelsOf, parseChannelName, type Channel, type ChannelMove } from '../core/channel.ts';
import type { Clock } from '../ports/clock.ts';
import { Taken, type BundleStore } from '../ports/store.ts';
import { noBundle, tellOfBundle } from './bundles.ts';
import type { Actor } from './machines.ts';

/** How an order about a channel ended. */
export type ChannelOutcome =
  | { readonly is: 'done'; readonly channel: Channel }
  | { readonly is: 'unknown-bundle'; readonly because: string }
  | { readonly is: 'bad-value'; readonly field: string; readonly because: string }
  | { readonly is: 'taken'; readonly because: string };

/** Channels point at versions; only people move them. */
export interface ChannelService {
  list(): Promise<readonly Channel[]>;
  /** Every move ever made, oldest first, those rolled back among them. */
  history(): Promise<readonly ChannelMove[]>;
  /** Points a channel of the bundle's name at this version; the channel is made by its first promotion. */
  promote(ref: string, channel: string, by: Actor): Promise<ChannelOutcome>;
  /** Back to where it pointed before. */
  rollback(name: string, channel: string, by: Actor): Promise<ChannelOutcome>;
}

type Deps = { readonly store: { readonly bundles: BundleStore }; readonly clock: Clock };

/** Builds the service. */
export function createChannelService(deps: Deps): ChannelService {
  const { bundles } = deps.store;
  return {
    list: async () => channelsOf(await bundles.moves()),
    history: () => bundles.moves(),
    promote: (ref, channel, by) => orTaken(() => promote(deps, ref, channel, by)),
    rollback: (name, channel, by) => orTaken(() => rollback(deps, name, channel, by)),
  };
}

async function orTaken(order: () => Promise<ChannelOutcome>): Promise<ChannelOutcome> {
  try {
    return await order();
  } catch (error) {
    if (error instanceof Taken) return { is: 'taken', because: error.message };
    throw error;
  }
}

async function channelNow(deps: Deps, ref: string): Promise<Channel | undefined> {
  return channelsOf(await deps.store.bundles.moves()).find((each) => channelRef(each) === ref);
}

async function promote(deps: Deps, ref: string, channel: string, by: Actor): Promise<ChannelOutcome> {
  const parsed = parseChannelName(channel);
  if (!parsed.ok) return { is: 'bad-value', field: 'channel', because: parsed.error };
  const bundle = await deps.store.bundles.byRef(ref);
  if (!bundle) return noBundle(ref);
  if (bundle.role === 'agent')
    return { is: 'bad-value', field: 'ref', because: 'the newest agent of an architecture counts; it has no channels' };
  const { name, version } = bundle;
  const where = channelRef({ name, channel });
  const before = await channelNow(deps, where);
  if (before?.version === version) return { is: 'done', channel: before };
  const was = before ? ` (was ${before.version})` : '';
  const event = tellOfBundle(deps.clock, `${where} points at ${version} now${was}, promoted by ${by}`, ref);
  const move = { name, channel, version, atMs: deps.clock.now(), by };
  await deps.store.bundles.move(move, before?.version, [event]);
  return done(deps, where);
}

async function rollback(deps: Deps, name: string, channel: string, by: Actor): Promise<ChannelOutcome> {
  const where = channelRef({ name, channel });
  const now = await channelNow(deps, where);
  if (!now) return { is: 'unknown-bundle', because: `there is no channel "${where.slice(0, 120)}"` };
  if (now.previous === undefined)
    return {
      is: 'taken',
      because: `${where} has pointed at nothing but ${now.version}; promote another version to it`,
    };
  const moves = await deps.store.bundles.moves();
  const newest = moves.findLast((move) => move.undoneMs === undefined && channelRef(move) === where);
  const text = `${where} points at ${now.previous} again, rolled back from ${now.version} by ${by}`;
  const event = tellOfBundle(deps.clock, text, bundleRef({ name, version: now.previous }));
  await deps.store.bundles.undo(newest?.id ?? 0, deps.clock.now(), [event]);
  return done(deps, where);
}

async function done(deps: Deps, where: string): Promise<ChannelOutcome> {
  const channel = await channelNow(deps, where);
  if (channel) return { is: 'done', channel };
  return { is: 'taken', because: `${where} was moved by somebody else meanwhile; look again` };
}
