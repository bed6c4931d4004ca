// Which labels fit, where several do: those of the card by their numbers, any other by its name.

class Several {
  constructor(desk, record) {
    const card = desk.card;
    const hidden = card.blind && !desk.view.revealed;
    const listed = (hidden ? card.blind_classes : card.classes).map((entry) => entry.name);
    // Most often the two that were compared are both right.
    const likely = (hidden ? [card.given_label] : [card.given_label, card.suggested_label]).filter((name) => name !== null);
    this.chosen = new Set(likely);
    this.names = [...new Set([...listed, ...likely])];
    this.record = () => record([...this.chosen]);
    this.list = make("ul", "several");
    this.search = make("div");
    this.finder = new Finder("Add a class", desk.classes, (name) => this.add(name), () => this.leaveSearch());
    this.problem = make("p", "problem");
    this.keys = desk.keys;
    this.show();
  }

  get parts() {
    const key = (name) => this.keys.get(name).toUpperCase();
    const hint = make("p", "quiet", `Numbers tick, ${key("find")} adds another class, Enter records, Escape leaves.`);
    return [make("h2", "", "Which labels fit?"), this.list, this.search, this.problem, hint, press("Record", () => this.finish())];
  }

  show() {
    fill(this.list, ...this.names.map((name, place) => {
      const button = make("button", "choice");
      button.type = "button";
      button.setAttribute("role", "checkbox");
      button.setAttribute("aria-checked", String(this.chosen.has(name)));
      button.append(make("kbd", "", place < 10 ? String((place + 1) % 10) : "·"), make("span", "tick", this.chosen.has(name) ? "✓" : ""),
        paintName(make("span", "name"), name));
      button.addEventListener("click", (event) => { if (event.detail < 2) this.toggle(place); });
      return fill(make("li"), button);
    }));
  }

  toggle(place) {
    const name = this.names[place];
    if (name === undefined) return;
    if (!this.chosen.delete(name)) this.chosen.add(name);
    this.problem.textContent = "";
    this.show();
  }

  add(name) {
    if (!this.names.includes(name)) this.names.push(name);
    this.chosen.add(name);
    this.leaveSearch();
    this.show();
  }

  leaveSearch() {
    this.search.replaceChildren();
    this.list.closest(".desk").focus({ preventScroll: true });
  }

  take(key) {
    if (/^[0-9]$/.test(key)) this.toggle((Number(key) + 9) % 10); // the tenth is the 0
    else if (key === this.keys.get("find")) {
      fill(this.search, ...this.finder.parts);
      this.finder.start();
    } else if (key === "enter" || key === this.keys.get("several")) {
      this.finish();
    }
  }

  finish() {
    if (this.chosen.size > 1) this.record();
    else this.problem.textContent = "Tick two or more labels, or leave with Escape.";
  }
}
