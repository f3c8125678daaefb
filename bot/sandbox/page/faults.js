/** "Faults": make the local Slack misbehave, to see how the app bears it. */

import { h, uid } from "./dom.js";

const whole = (input) => Math.max(0, Math.round(Number(input.value) || 0));

function numberField(label, hint, most) {
  const id = uid("fault");
  const input = h("input", { id, class: "field field-small", type: "number", min: 0, max: most, value: "0" });
  return { input, node: h("div", { class: "fault" }, h("label", { for: id }, label, h("small", {}, hint)), input) };
}

function toggle(label, hint) {
  const input = h("input", { type: "checkbox", role: "switch", class: "switch" });
  return { input, node: h("label", { class: "fault" }, h("span", {}, label, h("small", {}, hint)), input) };
}

/** Returns `open()`: show the fault plan in the side panel. */
export function startFaults(panel, tools) {
  const latency = numberField("Latency", "milliseconds added to each Web API call");
  const limited = numberField("Rate limited", "answer 429 to the next so many calls");
  const wait = numberField("Retry-After", "seconds that a 429 asks to wait");
  const broken = numberField("Server errors", "answer 500 to the next so many calls");
  const late = numberField("Late delivery", "milliseconds before a payload reaches the app");
  const copies = numberField("Duplicate delivery", "extra copies of each payload", 10);
  const sockets = toggle("Drop sockets", "cut Socket Mode and refuse new connections");
  const revoked = toggle("Revoke tokens", "every call answers token_revoked");
  const typesId = uid("fault");
  const types = h("input", { id: typesId, class: "field field-small", type: "text", placeholder: "data_table, table" });
  const status = h("p", { class: "fault-status", role: "status" });
  const parts = [latency, limited, wait, broken, late, copies, sockets, revoked];

  const show = (plan) => {
    latency.input.value = plan.latency_ms?.["*"] ?? 0;
    limited.input.value = plan.rate_limited?.["*"]?.times ?? 0;
    wait.input.value = plan.rate_limited?.["*"]?.retry_after ?? 1;
    broken.input.value = plan.server_error?.["*"]?.times ?? 0;
    late.input.value = plan.late_delivery_ms ?? 0;
    copies.input.value = plan.duplicate_delivery ?? 0;
    sockets.input.checked = plan.drop_sockets === true;
    revoked.input.checked = plan.revoked === true;
    types.value = (plan.invalid_blocks ?? []).join(", ");
  };
  const read = () => ({
    latency_ms: whole(latency.input) ? { "*": whole(latency.input) } : {},
    rate_limited: whole(limited.input) ? { "*": { times: whole(limited.input), retry_after: whole(wait.input) } } : {},
    server_error: whole(broken.input) ? { "*": { times: whole(broken.input), status: 500 } } : {},
    drop_sockets: sockets.input.checked,
    duplicate_delivery: whole(copies.input),
    late_delivery_ms: whole(late.input),
    invalid_blocks: types.value.split(/[\s,]+/).filter(Boolean),
    revoked: revoked.input.checked,
  });
  const attempt = async (call, words) => {
    try {
      const plan = await call();
      if (plan.ok === false || plan.error) throw new Error(plan.error ?? "refused");
      show(plan.faults ?? plan);
      status.textContent = words;
    } catch (error) {
      status.textContent = `Not done: ${error.message}`;
    }
  };
  const apply = h("button", { type: "submit", class: "btn btn-primary" }, "Apply");
  const clear = h("button", { type: "button", class: "btn", on: { click: () => attempt(async () => (await tools.api.clearFaults(), tools.api.faults()), "All faults cleared.") } }, "Clear all");
  const form = h(
    "form",
    { class: "faults", data: { testid: "faults" } },
    parts.map((part) => part.node),
    h("div", { class: "fault" }, h("label", { for: typesId }, "Refuse block types", h("small", {}, "answer invalid_blocks, as before a roll-out")), types),
    h("div", { class: "actions" }, apply, clear),
    status,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(() => tools.api.setFaults(read()), "Applied.");
  });
  return () => {
    panel.show("Faults", form, "faults-panel");
    panel.note("");
    attempt(() => tools.api.faults(), "");
  };
}
