// Questions to the server. What it says went wrong is an Unavailable with its words; when it does not answer at all, likewise.

export class Unavailable extends Error {}

export async function ask(path, query, signal) {
  let answer;
  try {
    answer = await fetch(query ? `${path}?${query}` : path, { signal, headers: { Accept: "application/json" } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Unavailable("看板服务没有应答：guidang board 可能已停止。");
  }
  if (answer.ok) return answer.json();
  throw new Unavailable(answer.status === 503 ? (await answer.json()).error : (await answer.text()).trim() || `HTTP ${answer.status}`);
}

// Lines of JSON as they arrive.
export async function* lines(path, query, signal) {
  const answer = await fetch(`${path}?${query}`, { signal });
  if (!answer.ok) throw new Unavailable((await answer.text()).trim());
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const whole = (rest + value).split("\n");
    rest = whole.pop();
    for (const line of whole) yield JSON.parse(line);
  }
}
