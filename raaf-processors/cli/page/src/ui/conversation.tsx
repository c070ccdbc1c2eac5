import { useMemo, useRef } from "preact/hooks";

import { agentOf, conversation, type Entry } from "../model/conversation.ts";
import { clock, cost, duration, oneLine, plural, short } from "../model/text.ts";
import type { Tree } from "../model/tree.ts";
import { Empty } from "./empty.tsx";
import { StatusIcon } from "./icons.tsx";
import { Text } from "./json.tsx";
import { MessageView } from "./messages.tsx";
import { useVirtual } from "./virtual.ts";

interface Props {
  tree: Tree;
  selected: string | null;
  onSelect: (id: string) => void;
}

/** A run as the messages that its models and agents exchanged. */
export function ConversationView({ tree, selected, onSelect }: Props) {
  const all = useMemo(() => conversation(tree), [tree]);
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtual({
    count: all.entries.length,
    size: (index) => (all.entries[index]?.type === "message" ? 90 : 36),
    scroller,
    overscan: 6,
  });
  if (all.calls === 0) return <Empty>This run called no model.</Empty>;
  const step = (by: number) => {
    const at = all.entries.findIndex((entry) => tree.spans[entry.span]?.id === selected);
    for (let next = at + by; next >= 0 && next < all.entries.length; next += by) {
      const id = tree.spans[all.entries[next]?.span ?? -1]?.id;
      if (id !== undefined && id !== selected) {
        onSelect(id);
        virtual.scrollToIndex(next, { align: "center" });
        return;
      }
    }
  };
  return (
    <div
      class="scroll conversation"
      data-main
      ref={scroller}
      tabIndex={0}
      aria-label="Conversation"
      role="log"
      onKeyDown={(event) => {
        const by = { j: 1, k: -1 }[event.key];
        if (by !== undefined) step(by);
      }}
    >
      {all.recorded === 0 && (
        <p class="empty">
          The contents of messages were not recorded. Programs record them with RAAF_TRACE_INCLUDE_SENSITIVE_DATA=true.
        </p>
      )}
      <div class="rows" role="presentation" style={{ height: `${virtual.getTotalSize()}px` }}>
        {virtual.getVirtualItems().map(({ index, start }) => {
          const entry = all.entries[index];
          const span = entry && tree.spans[entry.span];
          return (
            span && (
              <div
                key={index}
                class={`entry ${span.id === selected ? "selected" : ""}`}
                data-index={index}
                ref={(element: HTMLElement | null) => virtual.measureElement(element)}
                style={{ transform: `translateY(${start}px)` }}
                onClick={() => onSelect(span.id)}
              >
                <EntryView
                  entry={entry}
                  tree={tree}
                  toolOf={(id) => tree.spans[all.tools.get(`${agentOf(tree, entry.span)} ${id}`) ?? -1]}
                  onSelect={onSelect}
                />
              </div>
            )
          );
        })}
      </div>
    </div>
  );
}

interface EntryProps {
  entry: Entry;
  tree: Tree;
  toolOf: (id: string) => Tree["spans"][number] | undefined;
  onSelect: (id: string) => void;
}

function EntryView({ entry, tree, toolOf, onSelect }: EntryProps) {
  const span = tree.spans[entry.span];
  if (!span) return null;
  switch (entry.type) {
    case "agent":
      return (
        <h2 class="speaker">
          <StatusIcon status={span.status} />
          {oneLine(entry.name)}
          <span class="faint">{oneLine(span.kind)}</span>
          <span class="gap" />
          <span class="faint num">{clock(span.start)}</span>
        </h2>
      );
    case "message":
      return (
        <>
          {entry.output && (
            <div class="line said faint">
              <span>{oneLine(span.model ?? span.component)}</span>
              {span.duration !== null && <span class="num">{duration(span.duration)}</span>}
              {span.input + span.output > 0 && <span>{short(span.input)} in, {short(span.output)} out</span>}
              {span.cost !== null && <span class="num">{cost(span.cost)}</span>}
              {span.retries.length > 0 && <span class="warn">{plural(span.retries.length, "retry", "retries")}</span>}
            </div>
          )}
          <MessageView
            message={entry.message}
            toolOf={toolOf}
            onOpen={(id) => {
              // The click on the button must not select the message's span after it.
              queueMicrotask(() => onSelect(id));
            }}
          />
        </>
      );
    case "error":
      return (
        <div class="fault">
          <h3>{oneLine(span.errorType ?? "error")}</h3>
          <Text text={span.errorMessage ?? ""} />
        </div>
      );
    case "empty":
      return <p class="faint">{oneLine(span.model ?? span.component)}: no messages were recorded</p>;
  }
}
