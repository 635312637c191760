/** What of the renderer we use; it comes without types. */
declare module 'swagger-ui-dist/swagger-ui-es-bundle.js' {
  interface Renderer {
    (options: Record<string, unknown>): unknown;
    presets: { apis: unknown };
    plugins: Record<string, unknown>;
  }
  const SwaggerUI: Renderer;
  export default SwaggerUI;
}
