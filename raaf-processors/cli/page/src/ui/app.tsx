import { useEffect, useLayoutEffect, useMemo, useState } from "preact/hooks";

import type { Source } from "../loader.ts";
import { runFilter } from "../model/filter.ts";
import { plural, shown } from "../model/text.ts";
import { formatRoute, parseRoute, VIEWS, type Route } from "../route.ts";
import { toggleTheme } from "../theme.ts";
import { Guard } from "./guard.tsx";
import { Help } from "./help.tsx";
import { Overview } from "./overview.tsx";
import { Runs } from "./runs.tsx";
import { RunView } from "./run-view.tsx";

interface Props {
  source: Source;
  /** Grows whenever the source has changed. */
  version: number;
}

export function App({ source, version }: Props) {
  const { store } = source;
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  const [query, setQuery] = useState("");
  const [help, setHelp] = useState(false);
  const all = useMemo(() => store.runs(), [version]);
  const runs = useMemo(() => {
    const holds = runFilter(query);
    return all.filter((run) => holds(run, store.traces.get(run.id) as never));
  }, [all, query]);
  const only = source.state === "ready" && all.length === 1 ? (all[0]?.id ?? null) : null;
  const chosen = route.trace ?? only;
  const trace = chosen === null ? undefined : store.traces.get(chosen);
  const running = trace !== undefined && trace.run().running > 0 && trace.goesOn(source.since, Date.now());
  const now = useNow(source, trace?.latest ?? 0, running);

  const go = (change: Partial<Route>, replace = false) => {
    const next = { ...route, ...change };
    if (replace) history.replaceState(null, "", formatRoute(next));
    else history.pushState(null, "", formatRoute(next));
    setRoute(next);
  };
  const open = (id: string | null) => {
    const moved = id !== null && route.trace !== null;
    go({ trace: id, span: null, with: id === route.with ? null : route.with }, moved);
  };

  useEffect(() => {
    const moved = () => setRoute(parseRoute(location.hash));
    addEventListener("hashchange", moved);
    addEventListener("popstate", moved);
    return () => {
      removeEventListener("hashchange", moved);
      removeEventListener("popstate", moved);
    };
  }, []);

  useLayoutEffect(() => {
    const keys = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const step = { "[": -1, "]": 1 }[event.key];
      const at = runs.findIndex((run) => run.id === route.trace);
      const view = VIEWS[Number(event.key) - 1];
      if (event.key === "/") document.getElementById("search")?.focus();
      else if (event.key === "f") document.getElementById("find")?.focus();
      else if (event.key === "?") setHelp(!help);
      else if (event.key === "t") toggleTheme();
      else if (event.key === "c" && trace) go({ with: trace.id }, true);
      else if (event.key === "o") open(null);
      else if (step !== undefined && runs[at + step]) open(runs[at + step]?.id ?? null);
      else if (view && trace) go({ view });
      else return;
      event.preventDefault();
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  });

  return (
    <div class="page">
      <header class="top">
        <b>RAAF traces</b>
        <Progress source={source} />
        <span class="gap" />
        <button type="button" class="chip" onClick={toggleTheme} title="Dark or light (t)">theme</button>
        <button type="button" class="chip" onClick={() => setHelp(true)} title="Help (?)">help</button>
      </header>
      <div class={`columns ${trace ? "" : "two"}`}>
        <Runs
          runs={runs}
          all={all}
          query={query}
          selected={trace?.id ?? null}
          compared={route.with}
          onQuery={setQuery}
          onSelect={open}
        />
        {trace ? (
          <Guard key={`${trace.id} ${route.view}`}>
            <RunView store={store} trace={trace} route={route} runs={all} now={now} onRoute={go} onQuery={setQuery} />
          </Guard>
        ) : route.trace !== null && source.state !== "reading" ? (
          <p class="empty">There is no run {shown(route.trace)}.</p>
        ) : all.length === 0 ? (
          <Nothing source={source} />
        ) : (
          <Overview store={store} runs={runs} reading={source.state === "reading"} onSelect={open} />
        )}
      </div>
      {help && <Help onClose={() => setHelp(false)} />}
    </div>
  );
}

function Progress({ source }: { source: Source }) {
  const { spans, unreadable } = source.store;
  return (
    <span class="faint" role="status">
      {plural(spans, "span")}
      {unreadable > 0 && `, ${plural(unreadable, "line")} not read`}
      {source.state === "reading" && source.done > 0 && ` · reading, ${Math.round(source.done * 100)} %`}
      {source.state === "live" && <span class="live"> · live</span>}
      {source.state === "unavailable" && spans > 0 && <span class="bad"> · the server does not answer</span>}
    </span>
  );
}

function Nothing({ source }: { source: Source }) {
  if (source.state === "live") {
    return <p class="empty">Waiting for spans. Programs can send them to this server.</p>;
  }
  if (source.state === "unavailable") {
    return (
      <p class="empty">
        This page has no traces, and no server to ask for them. Open it with <code>raaf view FILE</code> or{" "}
        <code>raaf serve</code>.
      </p>
    );
  }
  return <p class="empty">{source.state === "reading" ? "Reading …" : "The file has no spans."}</p>;
}

const isTyping = (target: EventTarget | null) =>
  target instanceof HTMLInputElement || target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement;

/** The end of spans that have not ended: the present while live, otherwise the last that is known. */
function useNow(source: Source, latest: number, running: boolean): number {
  const [now, setNow] = useState(Date.now);
  const ticks = running && source.state === "live";
  useEffect(() => {
    if (!ticks) return;
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [ticks]);
  return ticks ? Math.max(now, latest) : latest;
}
