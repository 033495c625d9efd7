// Handlers that a test registers on the default bus are gone when it ends.
import "@acme/domain-events/vitest";
