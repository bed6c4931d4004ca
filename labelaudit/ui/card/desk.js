// The desk: cards at hand, what the keys do to them, and what goes to the server and comes back.

const TICK_MS = 150;
const IDLE_MS = 60000;
const BUFFER = 16; // enough for presses 60 ms apart while an answer of half a second is on its way
const EARLY = 4;
const UNSAVED_AFTER_MS = 1500;
const CARDS_KEPT = 100;
const MEASURES_KEPT = 1000;

class Desk {
  constructor(root, data) {
    this.root = root;
    this.outbox = new Outbox(data.scope);
    this.keys = readKeys();
    this.cards = new Map();
    this.hand = [];
    this.classes = [];
    this.undone = [];
    this.done = [];
    this.view = { zoom: 1, pixels: false, revealed: false };
    this.current = null;
    this.painted = null;
    this.pinned = null;
    this.note = "";
    this.early = [];
    this.passed = new Set();
    this.pressedAt = null;
    this.active = { ms: 0, since: performance.now() };
    this.page = new Page(root, this);
    this.stops = [];
    this.listen(document, "keydown", (event) => this.onKey(event));
    this.listen(document, "visibilitychange", () => this.sign());
    this.listen(document, "pointermove", () => this.sign(), { passive: true });
    this.outbox.open().then(() => {
      this.isOpen = true;
      this.timer = setInterval(() => this.tick(), TICK_MS);
      this.tick();
    });
  }

  listen(target, type, listener, options) {
    target.addEventListener(type, listener, options);
    this.stops.push(() => target.removeEventListener(type, listener, options));
  }

  close() {
    clearInterval(this.timer);
    for (const stop of this.stops) stop();
    if (this.outbox.free) this.outbox.free();
  }

  // ---- from and to the server

  receive(component) {
    this.send = component.setStateValue;
    const data = component.data;
    this.data = data;
    if (data.classes) this.classes = data.classes;
    for (const card of data.cards) this.cards.set(card.item_id, card);
    if (data.view !== this.shownView) this.turnTo(data.view);
    if (data.nonce === this.outbox.nonce && data.seq > this.outbox.answered) this.take(data);
    this.choose();
  }

  turnTo(view) {
    this.shownView = view;
    this.pinned = null;
    this.current = null;
    this.hand = [];
    this.early = [];
    this.outbox.wanted = true;
  }

  take(data) {
    this.outbox.answered = data.seq;
    this.keepMeasure("labelaudit:answer", this.sentAt);
    this.outbox.settle(data.outcomes);
    this.outbox.holdFor(data.answered_view);
    this.outbox.isCurrent = data.progress.is_current;
    if (data.answered_view === data.view) this.hand = data.hand;
    if (data.visiting) this.pinned = data.visiting;
    for (const outcome of data.outcomes) this.hear(outcome);
    this.forget();
  }

  hear(outcome) {
    if (outcome.status === "refused") {
      this.page.say(`Not recorded: ${outcome.message}`, true);
      this.done = this.done.filter((entry) => entry.id !== outcome.id);
    } else if (outcome.focus) {
      this.pinned = outcome.focus;
      this.page.say(`${outcome.focus} is back`);
    }
  }

  forget() {
    const needed = new Set([...this.hand, this.current, this.pinned, ...this.done.slice(-CARDS_KEPT).map((d) => d.item_id)]);
    for (const id of this.cards.keys()) {
      if (this.cards.size <= CARDS_KEPT) break;
      if (!needed.has(id)) this.cards.delete(id);
    }
  }

  tick() {
    const now = Date.now();
    this.page.paintSaving(this.outbox.size, this.outbox.waitingSince && now - this.outbox.waitingSince > UNSAVED_AFTER_MS);
    if (this.outbox.isStuck(now)) this.reloadIfAnswered();
    if (!this.send || !this.outbox.due(now)) return;
    this.sentAt = performance.now();
    const have = this.upcoming().filter((id) => this.cards.has(id));
    this.send("outbox", this.outbox.message(now, { want: BUFFER, have, view: this.shownView, knows: this.classes.length > 0 }));
  }

  // The server answers but this page is not heard: its connection is a dead one, and a new page gets a new one.
  async reloadIfAnswered() {
    this.outbox.waitingSince = Date.now();
    try {
      const answer = await fetch("_stcore/health", { cache: "no-store" });
      if (answer.ok) location.reload();
    } catch {
      // The server is away. Everything is kept here; Streamlit connects again when it is back.
    }
  }

  // ---- which card

  upcoming() {
    const places = pendingPlaces(this.outbox.commands);
    const back = [...places].filter(([, gone]) => !gone).map(([id]) => id);
    const passed = [...this.passed];
    const hand = [...this.hand].sort((a, b) => passed.indexOf(a) - passed.indexOf(b));
    const ids = [this.pinned, ...back.reverse(), ...hand].filter((id) => id && !places.get(id));
    if (this.current && (this.view.revealed || (ids.includes(this.current) && !back.length && !this.pinned))) {
      ids.unshift(this.current);
    }
    return [...new Set(ids)];
  }

  choose() {
    const next = this.upcoming().find((id) => this.cards.has(id)) || null;
    if (next !== this.current) {
      this.current = next;
      this.page.closeChoice(); // what was to be chosen belongs to the card before
      this.view.zoom = 1;
      this.view.revealed = false;
      this.note = "";
      this.active = { ms: 0, since: performance.now() };
    }
    this.paint();
  }

  get card() {
    return this.current === null ? null : this.cards.get(this.current);
  }

  paint() {
    const card = this.card;
    const state = JSON.stringify([this.current, this.view, card && card.version, card && card.notice, this.data.may_judge]);
    this.page.paintProgress(this.data.progress);
    if (card && state === this.paintedState) return;
    this.paintedState = state;
    if (!card) {
      this.painted = null;
      this.early = [];
      this.page.paintEmpty(this.data, this.outbox);
      return;
    }
    this.page.paintCard(card, this.view);
    this.address(card.item_id);
    const id = this.current;
    requestAnimationFrame(() => {
      const channel = new MessageChannel(); // its message is handled once the frame is on the screen
      channel.port1.onmessage = () => this.onPainted(id);
      channel.port2.postMessage(null);
    });
  }

  onPainted(id) {
    if (id !== this.current) return;
    this.painted = id;
    this.root.host.dataset.item = id;
    this.measure();
    this.tick();
    const early = this.early.shift();
    if (early) early();
  }

  measure() {
    if (this.pressedAt !== null) this.keepMeasure("labelaudit:next-card", this.pressedAt);
    this.pressedAt = null;
  }

  // For the browser's own tools and benchmarks/bench_review.py; bounded, as a page is open all day.
  keepMeasure(name, start) {
    performance.measure(name, { start, end: performance.now() });
    if (performance.getEntriesByName(name).length > MEASURES_KEPT) performance.clearMeasures(name);
  }

  // The address names the item on the screen, so that a reload or a shared link comes back to it.
  address(id) {
    const url = new URL(location.href);
    if (url.searchParams.get("item") === id) return;
    url.searchParams.set("item", id);
    history.replaceState(history.state, "", url);
  }

  // ---- what people do

  sign() {
    const now = performance.now();
    const pause = now - this.active.since;
    if (!this.hidden && pause <= IDLE_MS) this.active.ms += pause;
    this.active.since = now;
    this.hidden = document.visibilityState === "hidden";
  }

  onKey(event) {
    if (!this.root.host.isConnected || document.querySelector("[role=dialog]")) return;
    const key = keyOf(event);
    if (key === undefined) return;
    this.sign();
    if (this.page.takesKey(key, event)) return;
    const action = actionOf(this.keys, key);
    const isClass = /^[1-9]$/.test(key) && this.card;
    if (!action && !isClass) return;
    event.preventDefault();
    this.pressedAt = event.timeStamp;
    if (isClass) this.chooseClass(Number(key) - 1);
    else this.act(action);
  }

  act(action) {
    if (action.verdict) this.decide(action.verdict, [], action.said);
    else if (action.name === "accept") this.accept();
    else if (action.name === "undo") this.undo();
    else if (action.name === "redo") this.redo();
    else if (action.name === "several") this.several();
    else if (action.name === "find") this.page.openFind();
    else if (action.name === "note") this.page.openNote();
    else if (action.name === "keys") this.page.openKeys();
    else if (action.name === "next") this.next();
    else this.look(action.name);
  }

  look(name) {
    const middle = this.page.middle();
    if (name === "pixels") this.view.pixels = !this.view.pixels;
    else this.view.zoom = Math.min(8, Math.max(0.5, this.view.zoom * (name === "larger" ? 1.25 : 0.8)));
    this.paint();
    this.page.bringToMiddle(middle);
  }

  chooseClass(place) {
    const card = this.card;
    const shown = card.blind && !this.view.revealed ? card.blind_classes : card.classes;
    if (shown[place]) this.relabel(shown[place].name);
  }

  accept() {
    const card = this.card;
    if (card && card.check) this.page.say("A random check shows no suggestion. Choose a class.", true);
    if (!card || (card.blind && !this.view.revealed)) return;
    if (card.suggested_label === null) this.page.say("There is no suggestion for this item.", true);
    else this.relabel(card.suggested_label);
  }

  relabel(label) {
    if (!this.card) return;
    if (label === this.card.given_label) this.decide("keep", [], "kept");
    else this.decide("relabel", [label], this.card.check ? `is ${label}` : `now ${label}`);
  }

  // Whether a decision may be made now; if the card is still to be painted, `again` is called then.
  isReady(again) {
    if (!this.card) return false;
    if (this.painted !== this.current) {
      // A browser that stalls hands over several presses at once. Each waits until a card of its own is on the screen.
      if (this.early.length < EARLY) this.early.push(again);
      return false;
    }
    if (!this.data.may_judge) this.page.say("You may look, but not decide. A lead can change that.", true);
    return this.data.may_judge;
  }

  several() {
    if (this.isReady(() => this.several())) this.page.openSeveral();
  }

  decide(verdict, labels, said) {
    if (!this.isReady(() => this.decide(verdict, labels, said))) return;
    const card = this.card;
    if (verdict === "keep" && card.given_label === null) {
      this.page.say(card.check ? "A random check does not show the label. Choose a class."
        : "This item has no label to keep. Choose a class.", true);
      return;
    }
    if (card.settles && verdict === "skip") {
      this.pass(card);
      return;
    }
    this.sign();
    const again = this.view.revealed; // a changed mind: the claim has gone with the first decision
    const command = {
      type: "decide", id: newId(), item_id: card.item_id, verdict, labels, note: this.note,
      active_ms: Math.round(this.active.ms), version: again ? null : card.version, content_hash: card.content_hash,
      check: card.check ?? null, settles: card.settles === true,
    };
    this.outbox.add(command);
    this.done.push({ id: command.id, item_id: card.item_id });
    this.undone = [];
    this.page.say(`${card.item_id} ${said}`, false, true);
    const stays = card.blind && !card.check && !again && verdict !== "skip";
    this.view.revealed = stays;
    if (stays) this.page.say(`${card.item_id} ${said} · Enter for the next, or choose again`, false, true);
    this.advance();
  }

  // A skip settles nothing: the item stays at hand, behind the others.
  pass(card) {
    this.passed.delete(card.item_id);
    this.passed.add(card.item_id);
    this.page.say(`${card.item_id} left for later`);
    this.advance();
  }

  next() {
    if (!this.view.revealed && this.current !== this.pinned) return;
    this.view.revealed = false;
    this.pinned = null;
    this.hand = this.hand.filter((id) => id !== this.current);
    this.advance();
  }

  advance() {
    if (!this.view.revealed) {
      if (this.pinned === this.current) this.pinned = null;
      this.current = null;
    }
    this.choose();
    if (!this.card) this.tick(); // otherwise once the next card is on the screen, which comes first
  }

  undo() {
    const last = this.done.pop();
    this.view.revealed = false;
    this.current = null;
    if (last) {
      this.undone.push(last);
      this.page.say(`${last.item_id} taken back`, false, false, true);
    }
    this.outbox.add({ type: "undo", id: newId(), target: last ? last.id : null, item_id: last ? last.item_id : null });
    this.choose();
    if (!this.card) this.tick(); // otherwise once the next card is on the screen, which comes first
  }

  redo() {
    const last = this.undone.pop();
    if (last) {
      this.done.push(last);
      this.page.say(`${last.item_id} decided as before`, false, true);
      if (this.pinned === last.item_id) this.pinned = null;
    }
    this.outbox.add({ type: "redo", id: newId(), item_id: last ? last.item_id : null });
    this.choose();
    if (!this.card) this.tick(); // otherwise once the next card is on the screen, which comes first
  }
}
