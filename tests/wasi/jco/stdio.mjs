// Makes the standard output of a program under jco wait for its reader, for `jco run --jco-import`.
//
// Node writes to pipes without blocking and keeps the rest for its event loop, to which a program in
// WebAssembly never returns: what did not fit into the pipe would be lost when the program ends.
import process from "node:process";

for (const stream of [process.stdout, process.stderr]) {
  stream._handle?.setBlocking?.(true);
}
