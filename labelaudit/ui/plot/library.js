// plotly.js is a classic script, loaded once for all figures of the browser tab.

// Where the server lies, also behind a path of a proxy: Streamlit's own script is at static/js below it.
const SERVER = new URL("../../", document.querySelector("script[type=module][src]").src);

function library(address) {
  window.labelauditPlotly ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL(address, SERVER);
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => {
      window.labelauditPlotly = undefined; // the next figure tries again
      script.remove();
      reject(new Error("plotly.js did not load"));
    };
    document.head.append(script);
  });
  return window.labelauditPlotly;
}
