import { status } from "./status-program.ts";
import { runProgram } from "./program.ts";

process.exitCode = await runProgram(process.env, status);
