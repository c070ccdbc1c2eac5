import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

import { messages, type Message } from "../model/content.ts";
import { CONTENT } from "../model/conversation.ts";
import { selfTime } from "../model/critical.ts";
import { detail, unpacked } from "../model/record.ts";
import { SCORE, type Score } from "../model/score.ts";
import { bareId, COST, endOf, type Json, type Span } from "../model/span.ts";
import { clock, cost, dateTime, duration, oneLine, shown, whole } from "../model/text.ts";
import type { Tree } from "../model/tree.ts";
import { StatusIcon } from "./icons.tsx";
import { JsonView, Text } from "./json.tsx";
import { MessageView } from "./messages.tsx";

interface Props {
  tree: Tree;
  index: number;
  now: number;
  /** Its scores, also those that other spans gave. */
  scores: Score[];
  known: (trace: string) => boolean;
  onOpen: (trace: string, span: string | null) => void;
}

const EXPLANATION = "gen_ai.evaluation.explanation";

/** All that is known about a span. */
export function Details({ tree, index, now, scores, known, onOpen }: Props) {
  const [raw, setRaw] = useState(false);
  const span = tree.spans[index];
  if (!span) return <aside id="details" class="details" tabIndex={-1} aria-label="Details" />;
  const all = detail(span);
  const content = CONTENT.filter(([key]) => all.attributes.has(key));
  const others = [...all.attributes].filter(([key]) => !content.some(([one]) => one === key));
  const judged = all.events.filter((event) => event.name === SCORE);
  const later = scores.filter((score) => score.by !== null && score.by.span !== span.id);
  const origin = tree.spans[0]?.start ?? span.start;
  return (
    <aside id="details" class="details" tabIndex={0} aria-label="Details" key={span.id}>
      <header>
        <StatusIcon status={span.status} />
        <h2 dir="auto">
          {oneLine(span.component)}
          {span.method !== "run" && <span class="faint">.{oneLine(span.method)}</span>}
        </h2>
        <button type="button" class="chip" aria-pressed={raw} onClick={() => setRaw(!raw)}>
          JSON
        </button>
      </header>
      {raw ? (
        <Section title="Line">
          <JsonView value={all.json} />
        </Section>
      ) : (
        <>
          <Facts tree={tree} index={index} now={now} span={span} name={all.name} priced={all.attributes.has(COST)} />
          {tree.located.get(index)?.filter((one) => one.kind !== "never ended").map((problem) => (
            <p class="notice" key={problem.kind}>
              <b>{problem.kind}</b>: {problem.text}
            </p>
          ))}
          <Fault span={span} sources={all.sources} />
          {judged.length + later.length > 0 && (
            <Section title="Scores">
              {judged.map((event, place) => (
                <ScoreView key={place} score={span.scores[place]} why={new Map(event.attributes).get(EXPLANATION)} />
              ))}
              {later.map((score, place) => (
                <ScoreView key={place} score={score} onOpen={() => score.by && onOpen(score.by.trace, score.by.span)} />
              ))}
            </Section>
          )}
          {content.map(([key, title]) => (
            <Section title={title} key={key} hint={key}>
              <Content name={key} value={all.attributes.get(key) ?? null} />
            </Section>
          ))}
          <Table title="Attributes" rows={others} />
          {all.events.length > judged.length && (
            <Section title="Events">
              {all.events.filter((event) => event.name !== SCORE).map((event, place) => (
                <div class="event" key={place}>
                  <div class="line">
                    <b>{oneLine(event.name)}</b>
                    <span class="gap" />
                    <span class="num faint" title={event.time === null ? "" : clock(event.time)}>
                      {event.time === null ? "" : `+${duration(event.time - origin)}`}
                    </span>
                  </div>
                  <Rows rows={event.attributes} />
                </div>
              ))}
            </Section>
          )}
          {all.links.length > 0 && (
            <Section title="Links">
              {all.links.map((link, place) => {
                const trace = bareId(link.trace);
                const target = link.span === null ? null : bareId(link.span);
                return (
                  <div class="event" key={place}>
                    <div class="line">
                      <code>{shown(link.trace)}</code>
                      {known(trace) && (
                        <button type="button" class="chip" onClick={() => onOpen(trace, target)}>
                          open
                        </button>
                      )}
                    </div>
                    {link.span !== null && <code>{shown(link.span)}</code>}
                    <Rows rows={link.attributes} />
                  </div>
                );
              })}
            </Section>
          )}
          <Table title="Trace" rows={facts(span, all.metadata, all.tracestate)} />
          <Table title="Missing data" rows={all.lost} />
        </>
      )}
    </aside>
  );
}

function facts(span: Span, metadata: [string, Json][], tracestate: string | null): [string, Json][] {
  const rows: [string, Json][] = [];
  if (span.workflow !== null) rows.push(["workflow", span.workflow]);
  if (span.group !== null) rows.push(["group", span.group]);
  if (tracestate !== null) rows.push(["tracestate", tracestate]);
  return [...rows, ...metadata];
}

interface FactsProps {
  tree: Tree;
  index: number;
  now: number;
  span: Span;
  name: string;
  /** The program knew the cost. */
  priced: boolean;
}

function Facts({ tree, index, now, span, name, priced }: FactsProps) {
  const length = endOf(span, now) - span.start;
  const own = selfTime(tree, index, now);
  const rows: [string, ComponentChildren][] = [
    ["kind", oneLine(span.kind)],
    ["status", span.status === "running" ? "has not ended" : span.status],
    ["started", `${dateTime(span.start)}.${clock(span.start).slice(9)}`],
    ["duration", own < length ? `${duration(length)}, self time ${duration(own)}` : duration(length)],
    ["span", <code class="id">{shown(span.id)}</code>],
    ["trace", <code class="id">{shown(span.trace)}</code>],
  ];
  if (name) rows.push(["name", oneLine(name)]);
  if (span.model !== null) rows.splice(2, 0, ["model", oneLine(span.model)]);
  if (span.input + span.output > 0) {
    const parts = [
      span.cached > 0 ? `${whole(span.cached)} cached` : "",
      span.reasoning > 0 ? `${whole(span.reasoning)} reasoning` : "",
    ].filter(Boolean);
    const more = parts.length > 0 ? ` (${parts.join(", ")})` : "";
    rows.push(["tokens", `${whole(span.input)} in, ${whole(span.output)} out${more}`]);
  }
  if (span.firstChunk !== null) rows.push(["first chunk", `after ${duration(span.firstChunk)}`]);
  if (span.cost !== null) rows.push(["cost", priced ? cost(span.cost) : `${cost(span.cost)}, by today's prices`]);
  return (
    <dl class="facts">
      {rows.map(([key, value]) => (
        <div key={key}>
          <dt>{key}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Fault({ span, sources }: { span: Span; sources: string[] }) {
  if (span.errorType === null && span.errorMessage === null) return null;
  return (
    <section class="fault">
      <h3>{oneLine(span.errorType ?? "error")}</h3>
      {span.errorMessage !== null && <Text text={span.errorMessage} />}
      {sources.length > 0 && (
        <ol aria-label="Sources of the error">
          {sources.map((source, place) => (
            <li key={place}>
              <Text text={source} />
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

interface ScoreProps {
  score: Score | undefined;
  why?: Json | undefined;
  onOpen?: () => void;
}

function ScoreView({ score, why, onOpen }: ScoreProps) {
  if (!score) return null;
  return (
    <div class="event">
      <div class="line">
        <b>{oneLine(score.name)}</b>
        {score.value !== null && <span class="num">{score.value}</span>}
        {score.label !== null && <span class="badge">{oneLine(score.label)}</span>}
        <span class="gap" />
        {onOpen && <button type="button" class="chip" onClick={onOpen}>open</button>}
      </div>
      {typeof why === "string" && <Text text={why} />}
    </div>
  );
}

function Content({ name, value }: { name: string; value: Json }) {
  if (/messages$|system_instructions$/.test(name)) {
    const role = name.includes("output") ? "assistant" : name.includes("system") ? "system" : "user";
    return messages(value, role).map((message: Message, place) => <MessageView key={place} message={message} />);
  }
  return <JsonView value={unpacked(value) ?? null} />;
}

function Section({ title, hint, children }: { title: string; hint?: string; children: ComponentChildren }) {
  return (
    <section>
      <h3 title={hint}>{title}</h3>
      {children}
    </section>
  );
}

function Table({ title, rows }: { title: string; rows: [string, Json][] }) {
  if (rows.length === 0) return null;
  return (
    <Section title={title}>
      <Rows rows={rows} />
    </Section>
  );
}

/** A key that wraps at its dots. */
const breakable = (key: string) => key.split(/(?<=[._])/).flatMap((part, place) => (place > 0 ? [<wbr />, part] : [part]));

function Rows({ rows }: { rows: [string, Json][] }) {
  if (rows.length === 0) return null;
  return (
    <dl class="attributes">
      {rows.map(([key, value]) => (
        <div key={key}>
          <dt>{breakable(oneLine(key))}</dt>
          <dd class={`v-${typeof value}`}>
            <JsonView value={unpacked(value) ?? null} />
          </dd>
        </div>
      ))}
    </dl>
  );
}
