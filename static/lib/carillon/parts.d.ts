/** What the parts of the library say to each other; nobody outside needs it. */
import type { Parting, Problem, StateChange, Transport, WantedTopic } from './types.d.ts';

export interface Loss extends Parting {
  retryAfterMs: number | null;
  /** Which of the topics named at the start may not be had, by their places. */
  refused?: { places: number[]; problem: Problem } | null;
  /** Whether it was the hub that refused. */
  wasHeard?: boolean;
}

export interface LineEvents {
  open(): void;
  frame(frame: any): void;
  lost(loss: Loss): void;
}

export interface Line {
  readonly kind: Transport;
  send(frame: object): void;
  listen(tell: LineEvents): void;
  close(): void;
}

export interface LinkMeans {
  address: import('./address.js').Address;
  credentials: import('./credentials.js').Credentials;
  WebSocket: unknown;
  transports?: Transport[];
}

export interface StreamStart {
  topics: WantedTopic[];
  cursor: string | null;
  /** Those of the topics that begin with a snapshot while the others go on from the cursor. */
  fresh: string[];
}

export interface LinkEvents {
  /** A WebSocket is open: say hello. */
  hello(): void;
  /** Where a stream begins. */
  start(): StreamStart;
  frame(frame: any): void;
  /** Some topics named at the start may not be had; answers whether it is worth beginning again without them. */
  refused(refused: { places: number[]; problem: Problem }): boolean;
  /** The line is gone, the state not yet another. */
  lost(): void;
  /** The line is gone, and the state says what comes of it. */
  parted(parting: Parting & { wasLive: boolean; wasHeard: boolean }): void;
  change(change: StateChange): void;
}
