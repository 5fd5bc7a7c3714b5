// The Python interpreter, a WebAssembly module of its own: fetched when a program has to be run.

let python;

export async function loadPython() {
  // Beside the page, and beside the worker's script.
  const module = await import(new URL("python/python.js", self.location.href).href);
  await module.default();
  python = module;
}

export const startPython = (file, source, argv) => python.python_start(file, source, argv);

export const resumePython = (state, answer) => python.python_resume(state, answer);
