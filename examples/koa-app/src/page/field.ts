import { html, type Html } from "../html.ts";

/** A field of a form: label, input, hint, and what is wrong with it. */
export function field({
  form,
  name,
  label,
  type,
  autocomplete,
  value = "",
  hint = "",
  errors = [],
}: FieldContent): Html {
  const id = `${form}-${name}`;
  return html`<div class="field">
    <label for="${id}">${label}</label>
    <input
      id="${id}"
      name="${name}"
      type="${type}"
      autocomplete="${autocomplete}"
      value="${value}"
      aria-describedby="${id}-hint ${id}-error"
      aria-invalid="${String(errors.length > 0)}"
      required
    />
    <p class="hint" id="${id}-hint">${hint}</p>
    <p class="error" id="${id}-error">${errors.join(" ")}</p>
  </div>`;
}

interface FieldContent {
  readonly form: string;
  readonly name: string;
  readonly label: string;
  readonly type: string;
  readonly autocomplete: string;
  readonly value?: string | undefined;
  readonly hint?: string;
  readonly errors?: readonly string[] | undefined;
}
