// Compares the documents with the code: error codes, examples, links, tests behind guarantees, docstrings and what they name, decisions, words, house rules, answers. Needs the built packages.
import { checkDecisions } from "./docs/decisions.ts";
import { checkDocblockNames } from "./docs/docblock-names.ts";
import { checkDocstrings } from "./docs/docstrings.ts";
import { checkErrorCodes } from "./docs/error-codes.ts";
import { checkExamples } from "./docs/examples.ts";
import type { Check } from "./docs/finding.ts";
import { checkGlossary } from "./docs/glossary.ts";
import { checkGuarantees } from "./docs/guarantees.ts";
import { checkHouseRules } from "./docs/house-rules.ts";
import { checkLinks } from "./docs/links.ts";
import { missingBuilds } from "./docs/package-entries.ts";
import { checkQuestions } from "./docs/questions.ts";

const unbuilt = missingBuilds();
const checks: readonly Check[] =
  unbuilt.length > 0
    ? unbuilt
    : [
        ...checkErrorCodes(),
        ...checkExamples(),
        ...checkLinks(),
        ...checkGuarantees(),
        ...checkDocstrings(),
        ...checkDocblockNames(),
        ...checkDecisions(),
        ...checkGlossary(),
        ...checkHouseRules(),
        ...checkQuestions(),
      ];

for (const { file, line, message } of checks.flat()) console.log(`${file}:${line} ${message}`);

const failedCount = checks.filter((findings) => findings.length > 0).length;
console.log(`${checks.length - failedCount} passed, ${failedCount} failed`);
if (failedCount > 0) process.exitCode = 1;
