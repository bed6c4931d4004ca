// The page around the card: progress, status line, buttons, and the small panels.

class Page {
  constructor(root, desk) {
    this.root = root;
    this.desk = desk;
    const main = root.querySelector(".desk");
    const part = (name) => root.querySelector(`[data-part=${name}]`);
    this.parts = { main, progress: part("progress"), card: part("card"), status: part("status"), said: part("said"),
      saving: part("saving"), certificate: part("certificate"), buttons: part("buttons"), panel: part("panel") };
  }

  paintProgress(progress) {
    const state = JSON.stringify(progress);
    if (state === this.progressState) return;
    this.progressState = state;
    const { decided, total, left } = progress;
    const bar = make("progress");
    bar.max = Math.max(1, total);
    bar.value = decided;
    bar.setAttribute("aria-label", "Decided");
    const figure = left === null ? `${NUMBER.format(decided)} of ${NUMBER.format(total)}` : `${NUMBER.format(left)} left`;
    const count = total > 0 || left !== null ? [make("span", "figure", figure), left === null ? bar : null] : [];
    fill(this.parts.progress, ...count, ...progress.lines.map((line) => make("span", "quiet", line)));
    this.parts.certificate.textContent = progress.certificate;
  }

  paintCard(card, view) {
    fill(this.parts.card, ...paintCard(card, view, (name) => this.desk.relabel(name), this.otherClasses(card, view)));
    this.paintButtons(card);
  }

  // What stands in the middle of the frame of an image, as shares of its width and height.
  middle() {
    const frame = this.parts.card.querySelector(".frame");
    return frame && [(frame.scrollLeft + frame.clientWidth / 2) / frame.scrollWidth,
      (frame.scrollTop + frame.clientHeight / 2) / frame.scrollHeight];
  }

  bringToMiddle(shares) {
    const frame = this.parts.card.querySelector(".frame");
    if (!frame || !shares) return;
    frame.scrollLeft = shares[0] * frame.scrollWidth - frame.clientWidth / 2;
    frame.scrollTop = shares[1] * frame.scrollHeight - frame.clientHeight / 2;
  }

  // Digits reach nine classes at most.
  otherClasses(card, view) {
    const shown = card.blind && !view.revealed ? card.blind_classes : card.classes;
    const count = this.desk.classes.length - shown.length;
    if (count <= 0) return null;
    const button = press(`${NUMBER.format(count)} more ${count === 1 ? "class" : "classes"}: find class…`, () => this.openFind());
    button.classList.add("others");
    return button;
  }

  paintButtons(card) {
    const state = JSON.stringify([card.content.kind, card.check, this.desk.view.revealed, [...this.desk.keys]]);
    if (state === this.buttonState) return;
    this.buttonState = state;
    const shown = ACTIONS.filter((action) => !(card.check && action.ofLabel) && (!action.only
      || action.only === card.content.kind || (action.only === "revealed" && this.desk.view.revealed)));
    fill(this.parts.buttons, ...shown.map((action) => this.button(action)));
  }

  button(action) {
    const button = make("button", "action");
    button.type = "button";
    button.append(make("kbd", "", this.desk.keys.get(action.name).toUpperCase()), make("span", "", action.label));
    button.addEventListener("click", (event) => {
      if (event.detail > 1) return; // the second half of a double click
      this.desk.pressedAt = event.timeStamp;
      this.desk.act(action);
    });
    return button;
  }

  paintEmpty(data, outbox) {
    delete this.root.host.dataset.item;
    this.buttonState = null;
    const waits = outbox.size > 0 || outbox.wanted || data.nonce !== outbox.nonce || outbox.seq > outbox.answered;
    const shown = data.empty && !waits ? data.empty : { title: "Fetching the next items…", lines: [], links: [] };
    const links = shown.links.map((link) => {
      const anchor = make("a", "", link.label);
      anchor.href = link.href;
      return fill(make("li"), anchor);
    });
    fill(this.parts.card, fill(make("div", "empty"), make("h2", "", shown.title),
      ...shown.lines.map((line) => make("p", "", line)), links.length ? fill(make("ul"), ...links) : null));
    fill(this.parts.buttons, ...(waits ? [] : ACTIONS.filter((a) => a.name === "undo").map((a) => this.button(a))));
  }

  say(text, isProblem, canUndo, canRedo) {
    const keys = this.desk.keys;
    const hint = canUndo ? ` · ${keys.get("undo").toUpperCase()} undo`
      : canRedo ? ` · ${keys.get("redo").toUpperCase()} redo` : "";
    this.parts.said.className = isProblem ? "problem" : "";
    this.parts.said.textContent = text + hint;
  }

  paintSaving(count, isLate) {
    const text = count === 0 ? "" : isLate ? `not saved yet: ${count}` : "saving…";
    if (this.parts.saving.textContent === text) return;
    this.parts.saving.textContent = text;
    this.parts.saving.className = isLate ? "problem" : "quiet";
  }

  // ---- panels

  open(kind, ...children) {
    this.opened = kind;
    this.parts.panel.hidden = false;
    // With a finger there is no Escape.
    fill(this.parts.panel, ...children, press(kind === "keys" ? "Done" : "Leave", () => this.close()));
  }

  close() {
    this.opened = null;
    this.waitingFor = null;
    this.parts.panel.hidden = true;
    this.parts.panel.replaceChildren();
    this.parts.main.focus({ preventScroll: true });
  }

  closeChoice() {
    if (this.opened === "find" || this.opened === "several") this.close();
  }

  // True if the key was meant for an open panel.
  takesKey(key, event) {
    if (!this.opened) return false;
    if (this.waitingFor && key !== "escape") {
      event.preventDefault();
      this.changeKey(this.waitingFor, key);
    } else if (key === "escape" || (this.opened === "keys" && key === this.desk.keys.get("keys"))) {
      event.preventDefault();
      this.close();
    } else if (this.opened === "several") {
      event.preventDefault();
      this.several.take(key);
    }
    return true;
  }

  openKeys(problem) {
    const parts = paintKeys(this.desk.keys, (name, button) => {
      this.waitingFor = name;
      fill(button, make("span", "", "press a key"));
    }, () => {
      writeKeys(new Map(ACTIONS.map((action) => [action.name, action.key])));
      this.takeKeys();
    });
    this.open("keys", make("h2", "", "Keys"), ...parts, problem ? make("p", "problem", problem) : null);
  }

  changeKey(name, key) {
    const problem = keyProblem(this.desk.keys, name, key);
    this.waitingFor = null;
    if (problem === null) {
      this.desk.keys.set(name, key);
      writeKeys(this.desk.keys);
    }
    this.takeKeys(problem);
  }

  takeKeys(problem) {
    this.desk.keys = readKeys();
    this.openKeys(problem);
    if (this.desk.card) this.paintButtons(this.desk.card);
  }

  openNote() {
    if (!this.desk.card) return;
    const title = make("span", "", "Note, kept with your next decision on this item");
    const input = make("textarea");
    input.value = this.desk.note;
    input.rows = 2;
    input.maxLength = 10000;
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" && (event.key !== "Enter" || event.shiftKey)) return;
      event.preventDefault();
      event.stopPropagation();
      if (event.key === "Enter") keepNote();
      else this.close();
    });
    const keepNote = () => {
      this.desk.note = input.value.trim();
      if (this.desk.note) this.say("note kept for this decision");
      this.close();
    };
    this.open("note", fill(make("label"), title, input), make("p", "quiet", "Enter keeps it, Escape leaves."),
      press("Keep", keepNote));
    input.focus();
  }

  openFind() {
    if (!this.desk.card) return;
    const finder = new Finder("Find a class", this.desk.classes, (name) => {
      this.close();
      this.desk.relabel(name);
    }, () => this.close());
    this.open("find", ...finder.parts);
    finder.start();
  }

  openSeveral() {
    this.several = new Several(this.desk, (names) => {
      this.close();
      this.desk.decide("several_fit", names, `several fit: ${names.join(", ")}`);
    });
    this.open("several", ...this.several.parts);
  }
}
