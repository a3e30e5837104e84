import '@peft/compile/worker';
