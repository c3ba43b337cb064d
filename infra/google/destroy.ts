import { destroy } from "./destroy-program.ts";
import { runProgram } from "./program.ts";

process.exitCode = await runProgram(process.env, destroy);
