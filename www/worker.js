// The engine's thread. What comes before the WebAssembly is there waits in a list: a worker that hears nothing
// while it loads would lose it.
self.sendpathWaiting = [];
self.onmessage = (event) => self.sendpathWaiting.push(event.data);

import("./web.js")
  .then(({ default: init }) => init())
  .catch((error) => self.postMessage(`failed: ${error.message ?? error}`));
