import type { Message, Part } from "../model/content.ts";
import type { Span } from "../model/span.ts";
import { duration, oneLine, shown } from "../model/text.ts";
import { StatusIcon } from "./icons.tsx";
import { JsonView, Text } from "./json.tsx";

interface Props {
  message: Message;
  /** The span of the tool that a call led to. */
  toolOf?: (id: string) => Span | undefined;
  onOpen?: (span: string) => void;
}

/** A message: text, reasoning, calls of tools with their results, images. */
export function MessageView({ message, toolOf, onOpen }: Props) {
  return (
    <div class={`message r-${["user", "assistant", "system", "tool"].includes(message.role) ? message.role : "other"}`}>
      <div class="role">
        {oneLine(message.role)}
        {message.finish !== null && !["stop", "tool_call"].includes(message.finish) && (
          <span class="badge warn">{oneLine(message.finish)}</span>
        )}
      </div>
      <div class="parts">
        {message.parts.map((part, place) => (
          <PartView key={place} part={part} toolOf={toolOf} onOpen={onOpen} />
        ))}
      </div>
    </div>
  );
}

type PartProps = { part: Part } & Pick<Props, "onOpen"> & { toolOf: Props["toolOf"] | undefined };

function PartView({ part, toolOf, onOpen }: PartProps) {
  switch (part.type) {
    case "text":
      return <Text text={part.text} />;
    case "reasoning":
      return (
        <details class="reasoning" open={part.text.length < 600}>
          <summary>reasoning</summary>
          <Text text={part.text} />
        </details>
      );
    case "refusal":
      return (
        <div class="refusal">
          <b>refusal</b>
          <Text text={part.text} />
        </div>
      );
    case "call":
      return <Call part={part} tool={toolOf?.(part.id)} onOpen={onOpen} />;
    case "result":
      return (
        <div class="result">
          <span class="faint">result of {shown(part.id)}</span>
          {part.parts.length > 0 ? (
            part.parts.map((one, place) => <PartView key={place} part={one} toolOf={toolOf} onOpen={onOpen} />)
          ) : (
            <JsonView value={part.result} />
          )}
        </div>
      );
    case "image":
      return (
        <figure>
          <img src={part.source} alt={part.name || "image"} />
          {part.name && <figcaption>{oneLine(part.name)}</figcaption>}
        </figure>
      );
    case "media":
      return (
        <div class="media">
          <span class="badge">{oneLine(part.what)}</span> {oneLine(part.detail)}
        </div>
      );
    case "other":
      return <JsonView value={part.json} />;
  }
}

interface CallProps {
  part: Extract<Part, { type: "call" }>;
  tool: Span | undefined;
  onOpen: ((span: string) => void) | undefined;
}

function Call({ part, tool, onOpen }: CallProps) {
  return (
    <div class="call">
      <div class="line">
        {tool && <StatusIcon status={tool.status} />}
        <b>{oneLine(part.name)}</b>
        <span class="faint">{shown(part.id)}</span>
        <span class="gap" />
        {tool?.duration != null && <span class="num faint">{duration(tool.duration)}</span>}
        {tool && onOpen && (
          <button type="button" class="chip" onClick={() => onOpen(tool.id)}>
            span
          </button>
        )}
      </div>
      <JsonView value={part.arguments} />
      {tool?.errorType && <div class="bad">{oneLine(`${tool.errorType}: ${tool.errorMessage ?? ""}`)}</div>}
    </div>
  );
}
