// Streamlit calls this at every answer of the server: one desk for each place on the page, kept between the calls.

const DESKS = new WeakMap();

export default function card(component) {
  const root = component.parentElement;
  if (!DESKS.has(root)) DESKS.set(root, new Desk(root, component.data));
  const desk = DESKS.get(root);
  desk.receive(component);
  return () => setTimeout(() => {
    if (root.host.isConnected) return;
    desk.close();
    DESKS.delete(root);
  });
}
