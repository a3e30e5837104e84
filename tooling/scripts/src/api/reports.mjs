import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { CompilerState, Extractor, ExtractorConfig } from '@microsoft/api-extractor';
import { root } from '../root.mjs';

/**
 * The entries of a package that have types.
 *
 * @param {{ exports: Record<string, string | { types?: string }> }} description its package.json
 * @returns {{ report: string, types: string }[]} the report's file, such as `index.api.md` for `.`, and the declarations
 */
export const entriesOf = ({ exports }) =>
  Object.entries(exports).flatMap(([path, { types }]) =>
    types ? [{ report: `${path === '.' ? 'index' : path.slice(2).replaceAll('/', '-')}.api.md`, types }] : [],
  );

const silent = { logLevel: 'none' };

/** The house has no release tags, and its lint rules have the docstrings. What remains is written into the report. */
const messages = {
  compilerMessageReporting: { default: { logLevel: 'error' } },
  extractorMessageReporting: {
    default: silent,
    'ae-forgotten-export': { logLevel: 'warning', addToApiReportFile: true },
  },
  tsdocMessageReporting: { default: silent },
};

const configOf = (folder, scratch, description, { report, types }) =>
  ExtractorConfig.prepare({
    configObject: {
      projectFolder: folder,
      mainEntryPointFilePath: join(folder, types),
      newlineKind: 'lf',
      compiler: {
        overrideTsconfig: { extends: join(root, 'tsconfig.base.json'), files: [join(folder, types)] },
      },
      apiReport: {
        enabled: true,
        reportFileName: report,
        reportFolder: scratch,
        reportTempFolder: scratch,
        includeForgottenExports: true,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages,
    },
    configObjectFullPath: undefined,
    packageJson: description,
    packageJsonFullPath: join(folder, 'package.json'),
  });

/**
 * Reports the public API of a built package: the signatures of all that each entry exports, by name.
 *
 * @param {string} folder the package's, an absolute path
 * @returns {Promise<Map<string, string>>} the report of each entry, in Markdown, by its file
 * @throws where the package is not built, or its declarations have errors
 */
export async function reportsOf(folder) {
  const description = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const entries = entriesOf(description);
  const missing = entries.find(({ types }) => !existsSync(join(folder, types)));
  if (missing) throw new Error(`${description.name} has no ${missing.types}. Build it first: npx pnpm@10 build`);
  const scratch = await mkdtemp(join(tmpdir(), `peft-api-${basename(folder)}-`));
  try {
    const configs = entries.map(entry => configOf(folder, scratch, description, entry));
    const compilerState = CompilerState.create(configs[0], {
      additionalEntryPoints: configs.slice(1).map(({ mainEntryPointFilePath }) => mainEntryPointFilePath),
    });
    const reports = new Map();
    for (const [i, config] of configs.entries()) {
      const errors = [];
      Extractor.invoke(config, {
        compilerState,
        localBuild: true,
        messageCallback(message) {
          if (message.logLevel === 'error') errors.push(message.formatMessageWithLocation(folder));
          message.handled = true;
        },
      });
      const { report, types } = entries[i];
      if (errors.length > 0) throw new Error(`${types} of ${description.name} has errors:\n${errors.join('\n')}`);
      reports.set(report, await readFile(join(scratch, report), 'utf8'));
    }
    return reports;
  } finally {
    await rm(scratch, { recursive: true });
  }
}
