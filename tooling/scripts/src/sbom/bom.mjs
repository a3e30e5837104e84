import { Contrib, Enums, Models, Serialize, Spec } from '@cyclonedx/cyclonedx-library';
import parseExpression from 'spdx-expression-parse';
import { carriedBy } from './carried.mjs';
import { closureOf, integrityOf, readLock, requiredBy } from './closure.mjs';

const { ComponentBuilder } = Contrib.FromNodePackageJson.Builders;
const { ExternalReferenceFactory } = Contrib.FromNodePackageJson.Factories;
const { LicenseFactory } = Contrib.License.Factories;
const builder = new ComponentBuilder(new ExternalReferenceFactory(), new LicenseFactory(parseExpression));

const purlOf = ({ name, version }) => `pkg:npm/${name.replace('@', '%40')}@${version}`;

/** The hash of an npm integrity, `sha512-` and Base64, in hexadecimal. */
const hashOf = integrity => [
  Enums.HashAlgorithm['SHA-512'],
  Buffer.from(integrity.replace(/^sha512-/, ''), 'base64').toString('hex'),
];

/** A component. `within`: the one whose files it lies in, which is part of its reference. */
function componentOf(description, integrity, within) {
  const component = builder.makeComponent(description, Enums.ComponentType.Library);
  component.purl = purlOf(description);
  component.bomRef.value = within ? `${within.bomRef.value}#${component.purl}` : component.purl;
  if (integrity) component.hashes.set(...hashOf(integrity));
  return component;
}

/**
 * The bill of materials of what a workspace publishes: its packages, all that they bring to users, and what they carry in their files.
 *
 * @param {string} root the workspace
 * @param {readonly string[]} folders the packages to publish
 * @returns {Promise<Models.Bom>}
 */
export async function bomOf(root, folders) {
  const lock = await readLock(root);
  const { ours, foreign } = await closureOf(root, lock, folders);
  const required = requiredBy(ours, foreign);
  const components = new Map();
  for (const { key, description, integrity } of [...ours, ...foreign]) {
    const component = componentOf(description, integrity);
    component.scope = required.has(key) ? Enums.ComponentScope.Required : Enums.ComponentScope.Optional;
    components.set(key, component);
  }
  for (const { key, dependencies } of [...ours, ...foreign])
    for (const dependency of dependencies) components.get(key).dependencies.add(components.get(dependency.key).bomRef);
  for (const [i, folder] of folders.entries()) {
    const parent = components.get(ours[i].key);
    for (const description of await carriedBy(folder)) {
      const integrity = integrityOf(lock, `${description.name}@${description.version}`);
      parent.components.add(componentOf(description, integrity, parent));
    }
  }
  const subject = new Models.Component(Enums.ComponentType.Library, '@peft', { bomRef: '@peft' });
  for (const { key } of ours) subject.dependencies.add(components.get(key).bomRef);
  return new Models.Bom({
    serialNumber: Contrib.Bom.Utils.randomSerialNumber(),
    metadata: new Models.Metadata({ timestamp: new Date(), component: subject }),
    components: new Models.ComponentRepository(components.values()),
  });
}

/** A bill as CycloneDX 1.6, in JSON and in an order that does not change. */
export const serialize = bom =>
  new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6)).serialize(bom, {
    sortLists: true,
    space: 2,
  });
