import { mount } from 'svelte';
import App from './app/App.svelte';
import './app/style/tokens.css';
import './app/style/base.css';

const target = document.getElementById('app');
if (target) mount(App, { target });
