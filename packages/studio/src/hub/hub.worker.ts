/** The one worker that may ask the Hugging Face Hub; the policy of the page allows it to this file alone. */
import { serve } from '../worker/serve.ts';
import { downloadModel } from './download.ts';
import { findModel } from './find.ts';

serve<'findModel' | 'downloadModel'>({ findModel, downloadModel });
