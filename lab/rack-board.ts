import type { Mac } from '../server/core/address.ts';
import type { BoardKind } from './board-kinds.ts';

/** A board of the rack, whatever it is made of. Switching it is repeatable: on when on does nothing. */
export interface RackBoard {
  readonly name: string;
  readonly kind: BoardKind;
  readonly mac: Mac;
  isOn(): boolean;
  powerOn(): Promise<void>;
  /** At once, as pulling the plug; returns when it is off. */
  powerOff(): Promise<void>;
}

/** Off and on again at once, as a reset button: nothing when the board is off. */
export async function reset(board: RackBoard): Promise<void> {
  if (!board.isOn()) return;
  await board.powerOff();
  await board.powerOn();
}
