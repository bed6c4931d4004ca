// Decisions on their way to the server. Nothing here touches the page.
//
// The whole outbox is sent as one state value each time: a later message may replace one that the server has not read,
// so no message may hold something that the next one lacks. Every command has its own UUID, which makes a resend
// harmless. The mirror in localStorage outlives a reload, a closed tab and a server that went away.

const RESEND_MS = 2000;
const STUCK_MS = 5000;
const SIGN_OF_LIFE_MS = 60000;
const COUNTED_AFTER_MS = 2000; // the server counts beside the decisions; at rest the count should not stay behind
const ABANDONED_MS = 15000;

function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // over plain http there is no randomUUID
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

function stored(storage, key) {
  try {
    return JSON.parse(storage.getItem(key));
  } catch {
    return null; // written by somebody else, or storage is switched off
  }
}

function keep(storage, key, value) {
  try {
    if (value === null) storage.removeItem(key);
    else storage.setItem(key, JSON.stringify(value));
  } catch {
    // Storage is full or switched off: the outbox still lives in this page.
  }
}

class Outbox {
  constructor(scope) {
    this.prefix = `labelaudit:outbox:${scope}:`;
    this.tabPrefix = `labelaudit:tab:${scope}:`;
    this.clientKey = `labelaudit:client:${scope}`;
    this.client = stored(sessionStorage, this.clientKey) || newId();
    this.heldKey = `labelaudit:held:${scope}`;
    this.held = stored(sessionStorage, this.heldKey);
    this.nonce = newId(); // tells the answers to this page from those to the one before a reload
    this.commands = [];
    this.orphans = [];
    this.seq = 0;
    this.answered = 0;
    this.sentAt = 0;
    this.waitingSince = 0;
    this.wanted = true;
    this.isCurrent = true;
  }

  // A duplicated tab starts with a copy of sessionStorage: whoever holds the lock keeps the name. The name itself is
  // kept over a reload, so that this tab gets back the very items it held.
  async open() {
    if (navigator.locks && !(await this.hold())) {
      this.client = newId();
      this.held = null;
      await this.hold();
    }
    keep(sessionStorage, this.clientKey, this.client);
    this.commands = (stored(localStorage, this.prefix + this.client) || { commands: [] }).commands;
    if (navigator.locks) keep(localStorage, this.tabPrefix + this.client, true);
    await this.adopt();
  }

  // Which queue the items are from that this tab holds: an address may name another one when the page comes back.
  holdFor(view) {
    this.held = view;
    keep(sessionStorage, this.heldKey, view);
  }

  hold() {
    const name = this.prefix + this.client;
    return new Promise((resolve) => {
      navigator.locks.request(name, { ifAvailable: true }, (lock) => {
        resolve(lock !== null);
        return lock === null ? undefined : new Promise((free) => { this.free = free; });
      });
    });
  }

  // Outboxes of tabs that are gone are sent under the names of those tabs, which may still hold the claims. A tab that
  // was closed with nothing to send is named as well, so that the first items of the queue are not missing until its
  // claims end.
  async adopt() {
    const state = navigator.locks ? await navigator.locks.query() : { held: [] };
    const live = new Set([this.prefix + this.client, ...state.held.map((lock) => lock.name)]);
    const gone = new Map();
    for (const key of Object.keys(localStorage)) {
      const prefix = [this.prefix, this.tabPrefix].find((start) => key.startsWith(start));
      const client = prefix && key.slice(prefix.length);
      if (!prefix || live.has(this.prefix + client)) continue;
      const found = prefix === this.prefix ? stored(localStorage, key) : { commands: [] };
      if (!found || (!navigator.locks && Date.now() - found.at < ABANDONED_MS)) continue;
      gone.set(client, [...(gone.get(client) || []), ...found.commands]);
    }
    this.orphans = [...gone].map(([client, commands]) => ({ client, commands }));
  }

  get size() {
    return this.commands.length + this.orphans.reduce((sum, orphan) => sum + orphan.commands.length, 0);
  }

  add(command) {
    this.commands.push(command);
    this.wanted = true;
    this.mirror();
  }

  mirror() {
    const key = this.prefix + this.client;
    keep(localStorage, key, this.commands.length ? { at: Date.now(), commands: this.commands } : null);
  }

  settle(outcomes) {
    const done = new Set(outcomes.map((outcome) => outcome.id));
    for (const orphan of this.orphans) {
      orphan.commands = orphan.commands.filter((command) => !done.has(command.id));
      if (orphan.commands.length) continue;
      keep(localStorage, this.prefix + orphan.client, null);
      keep(localStorage, this.tabPrefix + orphan.client, null);
    }
    this.orphans = this.orphans.filter((orphan) => orphan.commands.length);
    if (!done.size) return;
    this.commands = this.commands.filter((command) => !done.has(command.id));
    this.mirror();
    this.waitingSince = this.size ? Date.now() : 0;
  }

  // One message at a time: a second one would interrupt the first on the server.
  due(now) {
    if (this.seq > this.answered) return now - this.sentAt > RESEND_MS;
    return this.wanted || this.size > 0 || now - this.sentAt > (this.isCurrent ? SIGN_OF_LIFE_MS : COUNTED_AFTER_MS);
  }

  message(now, more) {
    this.seq += 1;
    this.sentAt = now;
    this.wanted = false;
    if (this.size && !this.waitingSince) this.waitingSince = now;
    return { client: this.client, nonce: this.nonce, seq: this.seq, commands: this.commands, orphans: this.orphans,
      held: this.held, ...more };
  }

  isStuck(now) {
    return this.waitingSince > 0 && now - this.waitingSince > STUCK_MS;
  }
}

// Where each item of the unanswered commands will stand: true if it has left the queue, false if it has come back.
function pendingPlaces(commands) {
  const gone = new Map();
  for (const command of commands) {
    if (command.item_id) gone.set(command.item_id, command.type !== "undo");
  }
  return gone;
}
