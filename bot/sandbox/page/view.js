/** The blocks of a modal or App Home over time: an update redraws only what changed and keeps what was typed. */

import { renderBlock } from "./render/blocks.js";

const idsOf = (block) => [block, ...(block.child_blocks ?? []), ...(block.elements ?? [])].map((one) => one?.block_id).filter(Boolean);

/** Where the caret is, as a function that brings it back after a redraw. */
function caretIn(root) {
  const focused = document.activeElement;
  if (!root.contains(focused)) return () => {};
  const action = focused.closest("[data-action-id]")?.dataset.actionId;
  const block = focused.closest("[data-block-id]")?.dataset.blockId;
  const { selectionStart: start, selectionEnd: end } = focused;
  return () => {
    if (root.contains(document.activeElement) || action === undefined) return;
    const place = block ? root.querySelector(`[data-block-id="${CSS.escape(block)}"]`) : root;
    const again = place?.querySelector(`[data-action-id="${CSS.escape(action)}"]`);
    again?.focus();
    if (typeof start === "number" && again?.setSelectionRange && again.type !== "email") again.setSelectionRange(start, end);
  };
}

export class ViewBody {
  /** `ctx`: what the renderer needs, `form` included. */
  constructor(root, ctx) {
    Object.assign(this, { root, ctx });
    this.cache = new Map();
  }

  /** `errors`: `{block_id: message}`, shown under their fields. */
  draw(blocks, errors = {}) {
    const restore = caretIn(this.root);
    const { form } = this.ctx;
    const next = new Map();
    form.redraw(() => {
      blocks.forEach((block, index) => {
        const key = block.block_id ?? `#${index}`;
        const look = JSON.stringify([block, errors[block.block_id] ?? null]);
        const known = this.cache.get(key);
        if (known?.look === look) {
          for (const id of idsOf(block)) form.keep(id);
          next.set(key, known);
        } else next.set(key, { look, node: renderBlock(block, { ...this.ctx, errors }) });
      });
    });
    const nodes = [...next.values()].map((entry) => entry.node);
    for (const child of [...this.root.children]) if (!nodes.includes(child)) child.remove();
    nodes.forEach((node, at) => {
      if (this.root.children[at] !== node) this.root.insertBefore(node, this.root.children[at] ?? null);
    });
    this.cache = next;
    restore();
  }
}
