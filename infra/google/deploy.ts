import { deploy } from "./deploy-program.ts";
import { runProgram } from "./program.ts";

process.exitCode = await runProgram(process.env, deploy);
