// Handlers that a test registers on the default bus are gone when it ends.
// oxlint-disable-next-line import/no-unassigned-import -- importing it is what sets it up
import "@acme/domain-events/vitest";
