import { mount } from 'svelte';
import App from './app/App.svelte';
import '@peft/report/tokens.css';
import '@peft/report/document.css';
import '@peft/report/drawings.css';
import './app/style/base.css';

const target = document.getElementById('app');
if (target) mount(App, { target });
