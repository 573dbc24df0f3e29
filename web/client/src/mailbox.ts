// What the twelve words open: two pages of the mailbox and the states of all items.
// The same is asked for whatever is in there.

import { parseAnswer, readRequest, type State } from "./parcel";
import { keys, type Code } from "./receipt";
import { type Marked, markChain, type Opened, openReply } from "./reply";
import { post } from "./ui/port";
import { rosters, type Site } from "./ui/site";

export interface Conversation {
  states: State[];
  replies: Marked[];
  /** Entries that open and that no reviewer signed. */
  unchecked: number;
  page: number;
}

export async function read(s: Site, code: Code, page: number): Promise<Conversation> {
  const mine = await keys(code);
  const ask = async (p: number) => parseAnswer(await post("/v1/mailbox", readRequest(mine, p, code)));
  const [known, here, behind] = await Promise.all([rosters(s), ask(page), ask(page + 1)]);
  const replies: Opened[][] = [];
  let unchecked = 0;
  for (const answer of [here, behind]) {
    const opened: Opened[] = [];
    for (const entry of answer.entries) {
      const one = await openReply(entry, mine, known);
      if (one.kind === "reply") opened.push(one.reply);
      if (one.kind === "unsigned" && answer === here) unchecked++;
    }
    replies.push(opened);
  }
  // The page behind is for the chain alone: what is held back would not show at the
  // edge of a page otherwise.
  const all = markChain(replies.flat(), behind.ends);
  return { states: here.states, replies: all.slice(0, replies[0]?.length), unchecked, page };
}

/** The lowest number above all that were used, or -1. */
export function next(states: State[]): number {
  const last = states.map((state) => state.stand !== "unused").lastIndexOf(true);
  return last + 1 < states.length ? last + 1 : -1;
}
