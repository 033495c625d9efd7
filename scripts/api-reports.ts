// Compares the types that the built packages export with the reports in git; with --write it writes them anew.
import { join } from "node:path";
import { Extractor, ExtractorConfig, ExtractorLogLevel } from "@microsoft/api-extractor";
import { missingBuilds, packageEntries, type PackageEntry } from "./docs/package-entries.ts";
import { root } from "./docs/repository.ts";

const isWriting = process.argv.includes("--write");
const unbuilt = missingBuilds().flat();
for (const { file, message } of unbuilt) console.log(`${file} ${message}`);

const entries = unbuilt.length > 0 ? [] : packageEntries();
const changed = entries.filter((entry) => !isUnchanged(entry));
for (const { specifier } of changed) {
  console.log(
    `What ${specifier} exports has changed. See that it is meant, then run \`npm run api\` and commit the report.`,
  );
}
console.log(`${entries.length - changed.length} passed, ${changed.length + unbuilt.length} failed`);
if (changed.length + unbuilt.length > 0) process.exitCode = 1;

function isUnchanged({ types, source }: PackageEntry): boolean {
  const folder = join(root, source.slice(0, source.indexOf("/src/")));
  const name = types.slice(types.lastIndexOf("/") + 1, -".d.ts".length);
  const config = ExtractorConfig.prepare({
    configObjectFullPath: join(folder, "api-extractor.json"),
    packageJsonFullPath: join(folder, "package.json"),
    configObject: {
      projectFolder: folder,
      mainEntryPointFilePath: join(root, types),
      compiler: { tsconfigFilePath: join(folder, "tsconfig.json") },
      apiReport: {
        enabled: true,
        // What a public type is made of is public, too.
        includeForgottenExports: true,
        reportFileName: `${name}.api.md`,
        reportFolder: join(folder, "api"),
        reportTempFolder: join(root, "node_modules/.cache/api"),
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
        // The docstrings have checks of their own.
        extractorMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
        tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
      },
    },
  });
  const { succeeded, apiReportChanged } = Extractor.invoke(config, {
    localBuild: isWriting,
    // What has changed is said below, once for each entry.
    messageCallback: (message) => void (message.handled = message.logLevel !== ExtractorLogLevel.Error),
  });
  return isWriting ? succeeded : succeeded && !apiReportChanged;
}
