import { messageOf } from '../message-of.ts';
/** The page of a trained classifier: a picture or the camera in, classes out. It needs the files of its folder alone. */
import { type Classifier, openClassifier, type Scored } from './model.ts';

/** Classes that are listed with their shares. */
const most = 5;
/** Names of classes that the page tells. */
const mostNames = 12;

function aboutOf(labels: readonly string[]): string {
  const names = labels.slice(0, mostNames).join(', ') + (labels.length > mostNames ? ' …' : '');
  return `It tells ${labels.length} classes apart: ${names}. Pictures stay on this machine.`;
}

function byId<E extends HTMLElement>(id: string, type: new () => E): E {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`The page has no #${id}.`);
  return found;
}

const [status, results] = [byId('status', HTMLElement), byId('results', HTMLElement)];
const [video, picture] = [byId('video', HTMLVideoElement), byId('picture', HTMLImageElement)];
const camera = byId('camera', HTMLButtonElement);

function lineOf({ name, share }: Scored): HTMLElement {
  const [line, label, bar, fill, value] = ['li', 'span', 'span', 'span', 'span'].map(tag =>
    document.createElement(tag),
  );
  if (!line || !label || !bar || !fill || !value) throw new Error('The line could not be made.');
  label.textContent = name;
  bar.className = 'bar';
  fill.style.width = `${100 * share}%`;
  bar.append(fill);
  value.textContent = `${(100 * share).toFixed(1)} %`;
  line.append(label, bar, value);
  return line;
}

async function classify(classifier: Classifier, file: Blob): Promise<void> {
  try {
    const scored = await classifier.classify(file);
    results.replaceChildren(...scored.slice(0, most).map(lineOf));
    status.textContent = '';
  } catch (error) {
    status.textContent = messageOf(error);
  }
}

function show(classifier: Classifier, file: File | undefined): void {
  if (!file) return;
  stopCamera();
  URL.revokeObjectURL(picture.src);
  picture.src = URL.createObjectURL(file);
  picture.hidden = false;
  void classify(classifier, file);
}

/** The middle of what the camera sees. */
async function frame(): Promise<Blob> {
  const side = Math.min(video.videoWidth, video.videoHeight);
  const canvas = new OffscreenCanvas(side, side);
  const [x, y] = [(video.videoWidth - side) / 2, (video.videoHeight - side) / 2];
  canvas.getContext('2d')?.drawImage(video, x, y, side, side, 0, 0, side, side);
  return canvas.convertToBlob({ type: 'image/png' });
}

function stopCamera(): void {
  const { srcObject } = video;
  if (srcObject instanceof MediaStream) for (const track of srcObject.getTracks()) track.stop();
  video.srcObject = null;
  video.hidden = true;
  camera.ariaPressed = 'false';
}

async function startCamera(classifier: Classifier): Promise<void> {
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
    await video.play();
  } catch (error) {
    status.textContent = `The camera cannot be used: ${messageOf(error)}`;
    return;
  }
  [video.hidden, picture.hidden, camera.ariaPressed] = [false, true, 'true'];
  while (video.srcObject) {
    if (video.videoWidth > 0) await classify(classifier, await frame());
    await new Promise(resolve => setTimeout(resolve, 100));
  }
}

try {
  const classifier = await openClassifier();
  const { title, labels } = classifier.card;
  document.title = title;
  byId('title', HTMLElement).textContent = title;
  byId('about', HTMLElement).textContent = aboutOf(labels);
  status.textContent = 'Choose, drop or paste a picture, or turn on the camera.';
  const file = byId('file', HTMLInputElement);
  file.addEventListener('change', () => show(classifier, file.files?.[0]));
  camera.addEventListener('click', () => (video.srcObject ? stopCamera() : void startCamera(classifier)));
  document.addEventListener('dragover', event => event.preventDefault());
  document.addEventListener('drop', event => {
    event.preventDefault();
    show(classifier, event.dataTransfer?.files[0]);
  });
  document.addEventListener('paste', ({ clipboardData }) => show(classifier, clipboardData?.files[0]));
} catch (error) {
  status.textContent = messageOf(error);
}
