import type { Check } from "./finding.ts";
import { headingsOf, proseOf } from "./markdown.ts";

const file = "docs/questions.md";
const mostLines = 6;

/** Each question has one short answer, and a link to the place that has the rest. */
export function checkQuestions(): Check[] {
  const questions = headingsOf(file).filter(({ level }) => level === 2);
  return questions.map(({ number, text }, index) => {
    const end = questions[index + 1]?.number ?? Infinity;
    const answer = proseOf(file).filter((line) => line.number > number && line.number < end && line.text !== "");
    const isShort = answer.length > 0 && answer.length <= mostLines;
    const hasLink = answer.some((line) => /\]\(/.test(line.text));
    return isShort && hasLink ? [] : [{ file, line: number, message: `"${text}" has no short answer with a link.` }];
  });
}
