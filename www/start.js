// Loads the page's WebAssembly and says what is wrong when it cannot.
const say = (text) => {
  const message = document.getElementById("boot-message");
  message.textContent = text;
  message.hidden = false;
};

if (typeof WebAssembly !== "object") {
  say("This browser has no WebAssembly, or it is switched off. The network stack in this page is written in it.");
} else {
  try {
    const { default: init } = await import("./web.js");
    await init();
  } catch (error) {
    say(`The network stack could not be loaded (${error.message ?? error}). Reload the page, or look whether something blocks web_bg.wasm.`);
  }
}
