// A reader of WatchOccupancy: the seat map as it follows from what it was sent.
const has = (bits, seat) => ((bits[(seat - 1) >> 3] ?? 0) >> ((seat - 1) & 7)) & 1;

// Seats that are not free, by number: { 7: 'HELD', 9: 'SOLD' }.
export function taken(occupancy) {
  const map = {};
  for (let seat = 1; seat <= 8 * occupancy.held.length; seat++) {
    if (has(occupancy.sold, seat)) map[seat] = 'SOLD';
    else if (has(occupancy.held, seat)) map[seat] = 'HELD';
  }
  return map;
}

export class SeatMap {
  constructor(stub, concert_id, date) {
    this.map = undefined;
    this.version = 0;
    this.snapshots = 0;
    this.deltas = 0;
    this.missed = 0; // deltas that did not start where we stood
    this.waiting = [];
    this.stream = stub.WatchOccupancy({ concert_id, date }, { deadline: Date.now() + 120000 });
    this.stream.on('data', (news) => this.#take(news));
    this.stream.on('error', (error) => {
      this.error = error;
    });
  }

  #take(news) {
    if (news.occupancy) {
      this.map = taken(news.occupancy);
      this.snapshots += 1;
    } else {
      if (news.from_version !== this.version) this.missed += 1;
      this.deltas += 1;
      for (const { seat_no, state } of news.changes) {
        if (state === 'SEAT_STATE_FREE') delete this.map[seat_no];
        else this.map[seat_no] = state.replace('SEAT_STATE_', '');
      }
    }
    this.version = news.version;
    this.waiting = this.waiting.filter((look) => !look());
  }

  // Resolves once the map is as the test wants it.
  until(isSo, what, limitMs = 30000) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`never: ${what}; ${JSON.stringify(this.map)} ${this.error ?? ''}`)), limitMs);
      const look = () => {
        if (this.map === undefined || !isSo(this.map)) return false;
        clearTimeout(timer);
        resolve(this.map);
        return true;
      };
      if (!look()) this.waiting.push(look);
    });
  }

  close() {
    this.stream.cancel();
  }
}
