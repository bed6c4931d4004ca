// Finding a class by a part of its name: a field with the matches below it.

const MATCHES = 12;

// People type spaces where class names have an underscore or a hyphen.
const plain = (name) => name.toLowerCase().replace(/[\s_-]+/g, " ").trim();

class Finder {
  constructor(title, classes, pick, leave) {
    Object.assign(this, { classes, pick, leave, names: [], place: 0 });
    this.input = make("input");
    this.list = make("ul", "found");
    this.list.role = "listbox";
    this.list.id = "found";
    this.list.setAttribute("aria-label", "Classes");
    Object.assign(this.input, { type: "text", role: "combobox", autocomplete: "off" });
    this.input.setAttribute("aria-controls", "found");
    this.input.setAttribute("aria-expanded", "true");
    this.input.addEventListener("input", () => this.show(0));
    this.input.addEventListener("keydown", (event) => this.onKey(event));
    this.parts = [fill(make("label"), make("span", "", title), this.input), this.list,
      make("p", "quiet", "Enter takes the marked class, ↑ and ↓ move, Escape leaves.")];
  }

  start() {
    this.input.value = "";
    this.show(0);
    this.input.focus();
  }

  show(place) {
    const wanted = plain(this.input.value);
    const rank = (name) => (plain(name).startsWith(wanted) ? 0 : 1);
    this.names = this.classes.filter((name) => plain(name).includes(wanted))
      .sort((a, b) => rank(a) - rank(b)).slice(0, MATCHES);
    this.place = Math.max(0, Math.min(place, this.names.length - 1));
    fill(this.list, ...this.names.map((name, index) => {
      const option = paintName(make("li"), name);
      option.role = "option";
      option.id = `found-${index}`;
      option.ariaSelected = String(index === this.place);
      option.addEventListener("click", (event) => { if (event.detail < 2) this.pick(name); });
      return option;
    }));
    this.input.setAttribute("aria-activedescendant", this.names.length ? `found-${this.place}` : "");
    if (!this.names.length) fill(this.list, make("li", "quiet", "No class has that in its name."));
  }

  onKey(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in steps) this.show(this.place + steps[event.key]);
    else if (event.key === "Escape") this.leave();
    else if (event.key === "Enter" && this.names.length && !event.repeat) this.pick(this.names[this.place]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
