import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

// The desk that `npm run dev` talks to: a running `bethna up`, or `npm run feeder`.
const desk = process.env.BETHNA_DESK ?? 'http://127.0.0.1:8700';

export default defineConfig({
  plugins: [svelte()],
  worker: { format: 'es' },
  build: {
    outDir: '../src/bethna/web_dist',
    emptyOutDir: true,
    target: 'es2022',
    // Fonts and images stay files: a data: URL would need a wider content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
    // Two pages: the terminal, and /docs, whose renderer is no part of the terminal's first view.
    chunkSizeWarningLimit: 1500,
    rolldownOptions: { input: { index: 'index.html', docs: 'docs.html' } },
  },
  server: {
    host: '127.0.0.1',
    proxy: {
      '/api': { target: desk },
      '/schema': { target: desk },
      '/ws': { target: desk, ws: true },
    },
  },
  // Stylesheets are read as they are: the contrast of the colours is measured.
  test: { include: ['tests/**/*.test.ts'], environment: 'node', css: true },
});
